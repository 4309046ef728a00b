"""The worker processes: they are woken by the queue and work on what the database says is to do."""
