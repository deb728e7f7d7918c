"""How far systems are spoken to: one module per protocol, chosen by the settings."""
