"""The daily statements of payment channels, as files: opened safely, recognised by content, read line by line.

Nothing in here knows a model, a setting or the network. `reader.opened` is the way in; what is wrong with a file as a
whole is one of the errors of `base`, raised before anybody may use what was read so far.
"""
