"""One module a step. A step that has been in a release is never changed."""
