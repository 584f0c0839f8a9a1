## What the extension costs on the main thread: a frame without anything to do, and a frame in which a call
## completes. Prints `COST` lines in microseconds.
class_name Cost
extends RefCounted

const FRAMES := 20000
const CALLS := 200


func run(options: Options) -> void:
	var kit := Kit.new(options, "cost")
	var tree := Engine.get_main_loop() as SceneTree
	await kit.new_player()
	await AeThexCloud.saves.save("slot", {"level": 5, "position": Vector3.ONE})
	# The same method that the scene tree's signal calls each frame.
	var idle := measure(func() -> void: AeThexCloud._on_process_frame(), FRAMES)
	var empty := measure(func() -> void: Engine.get_process_frames(), FRAMES)
	print("COST idle_frame_us %.3f (measuring itself %.3f)" % [idle - empty, empty])
	var refused := measure(func() -> void: AeThexCloud.saves.load(null), CALLS)
	print("COST refused_call_us %.3f" % (refused - empty))
	await kit.wait(0.2)
	# From here on the frame's work is done by hand, so that it can be timed.
	var on_frame := Callable(AeThexCloud, &"_on_process_frame")
	tree.process_frame.disconnect(on_frame)
	var begun := 0
	var spent := 0
	for i in CALLS:
		var from := Time.get_ticks_usec()
		var pending: Signal = AeThexCloud.saves.load("slot")
		begun += Time.get_ticks_usec() - from
		var done: Array = [false]
		pending.connect(func(_result: AeThexResult) -> void: done[0] = true)
		while not done[0]:
			await tree.process_frame
			from = Time.get_ticks_usec()
			AeThexCloud._on_process_frame()
			if done[0]:
				spent += Time.get_ticks_usec() - from
	tree.process_frame.connect(on_frame)
	print("COST begin_call_us %.3f" % (float(begun) / CALLS))
	print("COST frame_with_a_completed_call_us %.3f" % (float(spent) / CALLS))
	for problem in kit.problems:
		print("COST PROBLEM ", problem)
	print("COST DONE")


func measure(what: Callable, times: int) -> float:
	var from := Time.get_ticks_usec()
	for i in times:
		what.call()
	return float(Time.get_ticks_usec() - from) / times
