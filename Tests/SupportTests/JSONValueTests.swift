import Support
import Testing

@Suite struct JSONValueTests {
  @Test func numbersKeepAllTheirDigits() throws {
    for value in [
      0.1, 1e-300, 123_456_789.123_456_78, Double.leastNonzeroMagnitude,
      Double.greatestFiniteMagnitude, -0.0,
    ] {
      #expect(try JSONValue(parsing: JSONValue.real(value).line).number == value)
    }
  }

  @Test func whatJSONCannotSayIsAString() {
    let values: JSONValue = [.real(.infinity), .real(-.infinity), .real(.nan)]
    #expect(values.line == #"["inf","-inf","nan"]"#)
  }

  @Test func stringsAreEscaped() throws {
    let text = "a\"b\\c\n\t\u{1}é"
    #expect(JSONValue.string(text).line == #""a\"b\\c\n\t\u0001é""#)
    #expect(try JSONValue(parsing: JSONValue.string(text).line) == .string(text))
  }

  @Test func documentsIndentObjectsAndKeepPlainArraysOnOneLine() {
    let value: JSONValue = ["a": [1, 2], "b": ["c": nil], "d": [], "e": [["f": true]]]
    let expected = """
      {
        "a": [1, 2],
        "b": {
          "c": null
        },
        "d": [],
        "e": [
          {
            "f": true
          }
        ]
      }
      """
    #expect(value.document == expected)
  }
}
