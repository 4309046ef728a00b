"""What the service does: plain functions over a session, in modules named by their noun."""
