"""What keeps the hall alive: backups and restores, what is kept how long, safe migrations, and the state of it all."""
