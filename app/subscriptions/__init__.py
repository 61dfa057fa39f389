"""People who are told of incidents by e-mail, because they asked for it on the status page."""
