"""What is produced where: production graphs read, checked, written and converted."""
