"""What a training shows at a terminal or in a pipe, for the command line and for `ns.fit`."""
