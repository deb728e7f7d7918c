"""A clerk serves a customer: sees his pages as he does, and acts for him with his code."""
