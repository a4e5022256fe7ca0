// Go's net package: a goroutine for each connection, blocking calls. Lines are answered through a
// buffered writer, which is flushed when all that was read is answered.
//
//	go_peer echo|line tcp|unix:PATH
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
)

const readSize = 32 * 1024 // what io.Copy reads at a time

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, readSize)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func line(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	writer := bufio.NewWriter(connection)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if _, err := writer.Write(line); err != nil {
			return
		}
		if reader.Buffered() == 0 && writer.Flush() != nil {
			return
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "peer:", err)
	os.Exit(1)
}

func main() {
	network, address := "tcp", "127.0.0.1:0"
	if strings.HasPrefix(os.Args[2], "unix:") {
		network, address = "unix", strings.TrimPrefix(os.Args[2], "unix:")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		fail(err)
	}
	if network == "tcp" {
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	} else {
		fmt.Println(address)
	}
	serve := echo
	if os.Args[1] == "line" {
		serve = line
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go serve(connection)
	}
}
