## A wire to the backend that can be cut: what it accepts on a port of its own, it passes on while `open`.
class_name Relay
extends Node

var url: String
var open := true

var _port: int
var _host: String
var _host_port: int
var _server := TCPServer.new()
var _pairs: Array = []


func _init(to: String) -> void:
	var address := to.trim_prefix("http://").trim_suffix("/").split(":")
	_host = address[0]
	_host_port = address[1].to_int() if address.size() > 1 else 80
	_server.listen(0, "127.0.0.1")
	_port = _server.get_local_port()
	url = "http://127.0.0.1:%d" % _port


func cut() -> void:
	open = false
	_server.stop()
	for pair: Array in _pairs:
		pair[0].disconnect_from_host()
		pair[1].disconnect_from_host()
	_pairs.clear()


func mend() -> void:
	open = true
	_server.listen(_port, "127.0.0.1")


func _process(_delta: float) -> void:
	while open and _server.is_connection_available():
		var far := StreamPeerTCP.new()
		far.connect_to_host(_host, _host_port)
		_pairs.append([_server.take_connection(), far])
	for pair: Array in _pairs.duplicate():
		if not (_pass_on(pair[0], pair[1]) and _pass_on(pair[1], pair[0])):
			pair[0].disconnect_from_host()
			pair[1].disconnect_from_host()
			_pairs.erase(pair)


func _pass_on(from: StreamPeerTCP, to: StreamPeerTCP) -> bool:
	from.poll()
	to.poll()
	if to.get_status() == StreamPeerTCP.STATUS_CONNECTED and from.get_status() == StreamPeerTCP.STATUS_CONNECTED:
		var waiting := from.get_available_bytes()
		if waiting > 0:
			var got: Array = from.get_data(waiting)
			to.put_data(got[1])
	return from.get_status() in [StreamPeerTCP.STATUS_CONNECTED, StreamPeerTCP.STATUS_CONNECTING]
