import NormaData
import NormaImages
import Testing

@Suite struct ImageFolderReaderTests {
  @Test func textsNameFoldersOfImagesOnceTheReaderIsRegistered() throws {
    #expect(throws: DataError.unknownSource("images:photos")) { try DataSource("images:photos") }
    try DataReaderRegistry.shared.register(ImageFolderReader.self)
    #expect(try DataSource("images:photos") == DataSource(ImageFolderReader(path: "photos")))
    #expect(try DataSource("images:photos").description == "images:photos")
    let forms = DataSource.forms.map(\.form)
    #expect(forms.contains("images:FOLDER"))
  }
}
