"""The review mode: a change goes in, findings that can be proved come out; and what is said about them is answered."""
