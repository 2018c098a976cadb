"""The same call by each of those who can make it, as its documentation advises."""
