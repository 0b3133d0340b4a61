"""One module per page, each with a `VIEW`; found by name, shown in order of section and `order`."""
