"""Commands for developers. They run from a checkout and are deployed nowhere."""
