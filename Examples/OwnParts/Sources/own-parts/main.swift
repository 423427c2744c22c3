import OwnParts

let arguments = CommandLine.arguments.dropFirst()
try registerOwnParts()
switch (arguments.first, arguments.count) {
case ("train", 2):
  let name = arguments.last!
  try OwnTraining.train(statePath: "\(name).state.safetensors", modelPath: "\(name).safetensors")
case ("serve", 2):
  let name = arguments.last!
  let accuracy = try OwnTraining.serve(
    modelPath: "\(name).safetensors", answersPath: "\(name).answers.safetensors", onnxPath: "\(name).onnx")
  print("accuracy \(accuracy)")
default:
  print(
    "own-parts train NAME   trains, and goes on where it was killed\nown-parts serve NAME   answers, and writes ONNX")
}
