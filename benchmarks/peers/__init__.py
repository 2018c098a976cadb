"""The same call by each of those who can make it, as its documentation advises.

Each file is a program of its own, which runs where nothing but its library is installed,
and so repeats what it has in common with others.
"""
