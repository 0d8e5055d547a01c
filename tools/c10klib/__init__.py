"""How many connections a service can have, by how it serves them."""
