"""Pure analysis that several modes share: rules, logs, patches, risk, test reports, tests."""
