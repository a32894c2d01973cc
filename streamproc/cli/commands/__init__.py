"""One module a command; `cli.program` names them."""
