disable_coordinates = true
