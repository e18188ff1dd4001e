"""QUESTIONS: asks any model, trusts none."""
