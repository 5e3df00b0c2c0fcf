# The same in HCL: blocks of one key add up.
services {
  id      = "db-1"
  name    = "db"
  tags    = ["primary"]
  address = "10.0.0.21"
  port    = 5432
  meta { engine = "postgresql" }
  check { name = "db-1 says that it is alive" ttl = "24h" status = "passing" }
}

services {
  id      = "db-2"
  name    = "db"
  tags    = ["replica"]
  address = "db-2.example.com" // a host name is answered with a CNAME
  port    = 5432
  check { name = "db-2 says that it is alive" ttl = "24h" status = "passing" }
}
