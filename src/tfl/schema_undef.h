/* schema_undef.h - forgets the row macros of schema.def after each expansion; included several times. */
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
#undef UNION_BEGIN
#undef UNION_MEMBER
#undef UNION_END
#undef TABLE_BEGIN
#undef TABLE_END
#undef SCALAR
#undef VECTOR
#undef STRING
#undef STRINGS
#undef TABLE
#undef TABLES
#undef UNION_FIELD
#undef EMPTY
