import ArgumentParser
import Norma
import NormaDiagnosis
import NormaLab
import NormaONNX
import NormaTerminal

/// The exit status that an error leads to.
func exitStatus(for error: any Error) -> ExitStatus {
  switch error {
  case is FileError: .fileFailure
  case let error as DataError: error.isWrongUsage ? .wrongUsage : .badData
  case is ModelArchitectureError, is UsageError, is ValidationError: .wrongUsage
  case is FormatError, is TrainingError, is NormalizationError, is LayerError, is ModelStateError, is ONNXError,
    is RegistryError, is ModelStructureError, is MendingError:
    .badData
  case let error as FailedCases: error.failed > 0 ? .internalFault : .badData
  default: .internalFault
  }
}

/// Options that do not go together in a way that shows only once the data are read.
struct UsageError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension DataError {
  /// Whether the command line is to blame rather than the data.
  var isWrongUsage: Bool {
    switch self {
    case .unknownSource, .missingPath, .labelColumnCount, .validationFraction, .validationCount, .validationLosesClass,
      .foldCount:
      true
    case .noFeatures, .gap, .tooLarge, .nothingToStandardize, .invalidStandardization, .unfitForStandardization: false
    }
  }
}
