# every fault is reported, not only the first
servr = true
ports { dns = 70000 http = "x" }
service {
  name = ""
}
service { name = "a" port = -1 }
