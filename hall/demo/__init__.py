"""People, accounts and bills that nobody really has, for trying the hall out."""
