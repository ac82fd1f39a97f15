package main

import "tripsaga/trip/handlers/rest"

// mostConnections is how many connections the server has at most; an idle one costs about 20 KB.
const mostConnections = 4096

// connections is how many connections the server may have at once.
func connections() int {
	files, known := openFiles()
	if !known {
		return mostConnections
	}
	return connectionsOf(files)
}

// connectionsOf leaves half of the files that the process may open to the store, which fails when it gets none.
func connectionsOf(files int) int {
	return max(1, min(mostConnections, files/2-rest.SpareConnections))
}
