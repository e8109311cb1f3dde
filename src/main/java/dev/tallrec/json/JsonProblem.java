package dev.tallrec.json;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException.Reference;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is wrong with JSON or YAML, in the words of who wrote it: Jackson's speak of classes. */
final class JsonProblem {

  private JsonProblem() {}

  static String of(JsonProcessingException e) {
    return switch (e) {
      case UnrecognizedPropertyException unknown ->
          "there is no %s here, only %s"
              .formatted(path(unknown.getPath()), known(unknown.getKnownPropertyIds()));
      case InvalidFormatException wrong ->
          "%s is \"%s\", not %s"
              .formatted(path(wrong.getPath()), wrong.getValue(), kind(wrong.getTargetType()));
      // What a record's constructor has against its values.
      case ValueInstantiationException refused
          when refused.getCause() instanceof IllegalArgumentException cause
              && cause.getMessage() != null ->
          (refused.getPath().isEmpty() ? "" : path(refused.getPath()) + ": ") + cause.getMessage();
      case MismatchedInputException missing
          when missing.getOriginalMessage().startsWith("Missing creator property") ->
          path(missing.getPath()) + " is missing";
      case MismatchedInputException wrong when !wrong.getPath().isEmpty() ->
          "%s is not %s".formatted(path(wrong.getPath()), kind(wrong.getTargetType()));
      default -> e.getOriginalMessage();
    };
  }

  /** "stages[0].rank". */
  private static String path(List<Reference> references) {
    StringBuilder path = new StringBuilder();
    for (Reference reference : references) {
      if (reference.getFieldName() == null) {
        path.append('[').append(reference.getIndex()).append(']');
      } else {
        path.append(path.isEmpty() ? "" : ".").append(reference.getFieldName());
      }
    }
    return path.toString();
  }

  private static String known(@Nullable Collection<Object> names) {
    return names == null
        ? "what is documented"
        : names.stream().map(Object::toString).sorted().collect(Collectors.joining(", "));
  }

  private static String kind(@Nullable Class<?> type) {
    if (type == null) {
      return "of the kind that is expected";
    }
    if (type == int.class || type == long.class || type == Integer.class || type == Long.class) {
      return "a whole number";
    }
    if (type.isEnum()) {
      return Arrays.stream(type.getEnumConstants())
          .map(Object::toString)
          .collect(Collectors.joining(", ", "one of ", ""));
    }
    if (Collection.class.isAssignableFrom(type)) {
      return "a list";
    }
    if (Map.class.isAssignableFrom(type) || type.isRecord()) {
      return "a group of settings";
    }
    if (type == String.class) {
      return "a text";
    }
    return type == boolean.class || type == Boolean.class ? "true or false" : "a number";
  }
}
