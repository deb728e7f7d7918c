"""Files that people send in: checked by content, made harmless, kept out of reach, shown to whom they concern."""
