"""All monitors at a glance."""
