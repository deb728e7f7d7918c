"""Reading other systems' exports: any encoding, any column names, any size, nothing lost and nothing guessed.

A file goes through four hands. `source` opens it (plain or gzip, with a cap on what it unpacks to) and `encodings`
finds out how it is written; `rows` cuts it into rows and survives whatever is not one; a `profile` (TOML) says which
column is what, and `records` turns a row into a checked record or a reject; `runs` carries chunks of records to the
room that knows what they mean, one transaction each, and counts every row.

    read = created + updated + unchanged + skipped + rejected + failed
"""
