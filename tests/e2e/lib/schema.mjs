// The part of JSON Schema 2020-12 that our openapi.json uses; an unknown keyword is an error, so
// that nothing passes because it was not looked at.

const IGNORED = new Set(['description', 'examples', 'format', 'default', 'title', 'deprecated']);

function typeOf(value) {
  if (value === null) {
    return 'null';
  }
  return Array.isArray(value) ? 'array' : typeof value;
}

function isType(type, value) {
  return type === 'integer' ? Number.isInteger(value) : type === typeOf(value);
}

const CHECKS = {
  $ref(doc, ref, value, at, out) {
    const schema = ref.split('/').slice(1).reduce((o, k) => o?.[k], doc);
    check(doc, schema, value, at, out);
  },
  type(doc, type, value, at, out) {
    if (![type].flat().some((t) => isType(t, value))) {
      out.push(`${at || '/'} is ${typeOf(value)}, not ${type} (openapi)`);
    }
  },
  enum(doc, list, value, at, out) {
    if (!list.includes(value)) {
      out.push(`${at} is not one of ${list}: ${value} (openapi)`);
    }
  },
  const(doc, wanted, value, at, out) {
    if (value !== wanted) {
      out.push(`${at} is not ${wanted}: ${value} (openapi)`);
    }
  },
  pattern(doc, pattern, value, at, out) {
    if (typeof value === 'string' && !new RegExp(pattern, 'u').test(value)) {
      out.push(`${at} does not match ${pattern}: ${value} (openapi)`);
    }
  },
  minimum(doc, min, value, at, out) {
    if (typeof value === 'number' && value < min) {
      out.push(`${at} is below ${min} (openapi)`);
    }
  },
  maximum(doc, max, value, at, out) {
    if (typeof value === 'number' && value > max) {
      out.push(`${at} is above ${max} (openapi)`);
    }
  },
  minLength(doc, min, value, at, out) {
    if (typeof value === 'string' && [...value].length < min) {
      out.push(`${at} is shorter than ${min} (openapi)`);
    }
  },
  maxLength(doc, max, value, at, out) {
    if (typeof value === 'string' && [...value].length > max) {
      out.push(`${at} is longer than ${max} (openapi)`);
    }
  },
  minItems(doc, min, value, at, out) {
    if (Array.isArray(value) && value.length < min) {
      out.push(`${at} has fewer than ${min} items (openapi)`);
    }
  },
  maxItems(doc, max, value, at, out) {
    if (Array.isArray(value) && value.length > max) {
      out.push(`${at} has more than ${max} items (openapi)`);
    }
  },
  required(doc, names, value, at, out) {
    for (const name of typeOf(value) === 'object' ? names : []) {
      if (!Object.hasOwn(value, name)) {
        out.push(`${at}/${name} is absent (openapi)`);
      }
    }
  },
  properties(doc, properties, value, at, out) {
    for (const [name, schema] of typeOf(value) === 'object' ? Object.entries(properties) : []) {
      if (Object.hasOwn(value, name)) {
        check(doc, schema, value[name], `${at}/${name}`, out);
      }
    }
  },
  additionalProperties(doc, schema, value, at, out, whole) {
    for (const name of typeOf(value) === 'object' && schema !== true ? Object.keys(value) : []) {
      if (!Object.hasOwn(whole.properties ?? {}, name)) {
        check(doc, schema, value[name], `${at}/${name}`, out);
      }
    }
  },
  items(doc, schema, value, at, out) {
    (Array.isArray(value) ? value : []).forEach((v, i) => check(doc, schema, v, `${at}/${i}`, out));
  },
  allOf(doc, list, value, at, out) {
    list.forEach((schema) => check(doc, schema, value, at, out));
  },
  anyOf(doc, list, value, at, out) {
    const tries = list.map((schema) => check(doc, schema, value, at, []));
    if (!tries.some((errors) => errors.length === 0)) {
      out.push(...tries[0]);
    }
  },
  oneOf(doc, list, value, at, out) {
    CHECKS.anyOf(doc, list, value, at, out);
  },
};

function check(doc, schema, value, at, out) {
  if (schema === undefined || schema === true || Object.keys(schema).length === 0) {
    return out;
  }
  for (const [keyword, wanted] of Object.entries(schema)) {
    if (CHECKS[keyword]) {
      CHECKS[keyword](doc, wanted, value, at, out, schema);
    } else if (!IGNORED.has(keyword) && !keyword.startsWith('x-')) {
      out.push(`${at}: the schema uses ${keyword}, which is not checked`);
    }
  }
  return out;
}

export function schemaErrors(doc, schema, value) {
  return check(doc, schema, value, '', []);
}
