"""Tables that people bring, as arrays of inputs and targets."""
