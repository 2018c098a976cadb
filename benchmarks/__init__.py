"""What calls, imports and threads cost: beside others, and beside the limit."""
