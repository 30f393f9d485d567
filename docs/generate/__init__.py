"""What makes cards, results, figures and the texts of --help."""
