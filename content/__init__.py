"""What the hall tells everybody: sections, news, notices, help, halls, and the search over all that is public."""
