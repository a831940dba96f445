"""Register extracts from files into the register, through its API alone (domain 7, api.md)."""
