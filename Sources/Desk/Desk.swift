// Desk: what operators look at, as values: the whole service at a moment, the life of a request, dead
// letters and what becomes of them. `strategyctl` prints it, the supervisor's console shows it.
// Belongs here: reading for people, and its JSON. Does not: pages, terminals, HTTP, arguments, any
// decision about a request.
