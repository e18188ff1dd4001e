"""What other tools found, from their SARIF."""
