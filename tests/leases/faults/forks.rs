//! A fork while IDs are drawn.
