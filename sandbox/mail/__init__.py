"""A stand-in for a mail provider: takes mails over HTTP, shows them to developers, reports what became of them."""
