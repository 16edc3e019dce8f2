"""What is kept in the database. Commands that only read files never import it."""
