service {
  name = "web"
  id = "web1"
  checks { ttl = "5s" }
  checks { ttl = "6s" }
}
service { name = "web" id = "web2" check { http = "http://x" interval = "5s" header { a = ["b"] c = ["d"] } } }
services { name = "db" tags = ["a", "b",] }
checks { name = "m" ttl = "5s" }
check { name = "n" ttl = "5s" }
