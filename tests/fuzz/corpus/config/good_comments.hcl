# one
// two
/* three
   four */
server = true // five
service { name = "web" /* six */ port = 0x50 }
