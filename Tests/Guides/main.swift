import Foundation

// Runs the code of one page of the documentation: `guides PAGE`. Without a page, lists them.

/// Ends the program where what a page's code came to is not what it should be.
func check(_ condition: @autoclosure () throws -> Bool, line: Int = #line, file: String = #fileID) {
  guard (try? condition()) == true else {
    FileHandle.standardError.write(Data("\(file):\(line): this does not hold\n".utf8))
    exit(1)
  }
}

let pages: [(name: String, run: () throws -> Void)] = [
  ("firstHour", firstHour), ("aLayerOfYourOwn", aLayerOfYourOwn), ("aLoopOfYourOwn", aLoopOfYourOwn),
  ("tuningANetwork", tuningANetwork),
  ("savingAndLoading", savingAndLoading), ("fromPyTorchAndBack", fromPyTorchAndBack),
  ("reproducibleTraining", reproducibleTraining), ("readingADiagnosis", readingADiagnosis),
  ("ownExperiment", ownExperiment), ("documentationComments", documentationComments),
  ("norma", norma),
  ("normaConvolution", normaConvolution),
  ("normaData", normaData),
  ("normaDiagnosis", normaDiagnosis),
  ("normaEvents", normaEvents),
  ("normaFiles", normaFiles),
  ("gradientsOfGradients", gradientsOfGradients),
  ("normaGraph", normaGraph),
  ("normaGraphDrawing", normaGraphDrawing),
  ("normaImages", normaImages),
  ("normaLayers", normaLayers),
  ("publishedNetworks", publishedNetworks),
  ("halfWidth", halfWidth),
  ("normaNormalization", normaNormalization),
  ("whoseStatistics", whoseStatistics),
  ("normaONNX", normaONNX),
  ("otherPeoplesModels", otherPeoplesModels),
  ("normaParallel", normaParallel),
  ("normaTensor", normaTensor),
  ("normaTerminal", normaTerminal),
  ("normaTraining", normaTraining),
  ("tuningOnPhotos", tuningOnPhotos),
  ("normaLab", normaLab),
]
if let name = CommandLine.arguments.dropFirst().first {
  guard let page = pages.first(where: { $0.name == name }) else { fatalError("there is no page '\(name)'") }
  do { try page.run() } catch {
    FileHandle.standardError.write(Data("\(name): \(error)\n".utf8))
    exit(1)
  }
} else {
  for page in pages { print(page.name) }
}
