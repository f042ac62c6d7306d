"""What the law says: measures, rows, relations, lists; read, checked and changed. Knows no graph."""
