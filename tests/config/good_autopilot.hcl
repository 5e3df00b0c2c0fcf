autopilot {
  cleanup_dead_servers      = false
  last_contact_threshold    = "1s"
  max_trailing_logs         = 500
  min_quorum                = 3
  server_stabilization_time = "1m"
  redundancy_zone_tag       = "zone"
  disable_upgrade_migration = true
  upgrade_version_tag       = "build"
}
