"""The brokerage service: profiles, events, shortlists, mail and answers for a network of city brokers."""
