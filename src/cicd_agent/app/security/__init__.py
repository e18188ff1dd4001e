"""Who is trusted with what: guards before a run, the effects a plan may have, imported evidence, secrets."""
